//! One interface in two generations, as in `tests/interop/go/evolvepeer`.

use std::{env, fs::OpenOptions, io::Write};

use go_plugin::{GobType, Result};
use serde::{Deserialize, Serialize};

/// The name under which either generation serves its greeter.
pub const GREETER: &str = "greeter";

/// The name of what only the new one has.
pub const ANNOUNCER: &str = "announcer";

/// Names the file in which a plugin leaves a trace of each call of `greet`.
pub const CALLS: &str = "CALLS";

fn called(method: &str) -> Result<()> {
    if let Some(name) = env::var_os(CALLS) {
        writeln!(OpenOptions::new().append(true).create(true).open(name)?, "{method}")?;
    }
    Ok(())
}

/// How it began.
pub mod old {
    use super::*;

    /// Who is greeted.
    #[derive(Debug, Clone, Serialize, Deserialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    pub struct Person {
        /// The whole name.
        pub name: String,
        /// In years.
        pub age: i64,
    }

    /// A distance.
    #[derive(Debug, Serialize, Deserialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    pub struct Steps {
        /// How many.
        pub steps: i64,
    }

    /// How.
    #[derive(Debug, PartialEq, Serialize, Deserialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    pub struct Greeting {
        /// What to say.
        pub text: String,
    }

    /// Greets.
    #[go_plugin::interface]
    pub trait Greeter {
        /// Greets somebody.
        async fn greet(&self, person: &Person) -> Result<Greeting>;
        /// Repeats its named arguments.
        #[rpc(args = map)]
        async fn describe(&self, name: &str) -> Result<String>;
        /// Twice a number.
        async fn double(&self, number: i64) -> Result<i64>;
        /// Walks.
        async fn walk(&self, steps: Steps) -> Result<i64>;
    }

    /// A greeter.
    pub struct Hello;

    #[go_plugin::interface]
    impl Greeter for Hello {
        async fn greet(&self, person: &Person) -> Result<Greeting> {
            called("greet")?;
            Ok(Greeting { text: format!("{} is {}", person.name, person.age) })
        }

        async fn describe(&self, name: &str) -> Result<String> {
            Ok(name.to_owned())
        }

        async fn double(&self, number: i64) -> Result<i64> {
            Ok(2 * number)
        }

        async fn walk(&self, steps: Steps) -> Result<i64> {
            Ok(steps.steps)
        }
    }
}

/// What became of it.
pub mod new {
    use super::*;

    /// With one field more, in another order.
    #[derive(Debug, Clone, Serialize, Deserialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    pub struct Person {
        /// An address.
        pub email: String,
        /// In years.
        pub age: i64,
        /// The whole name.
        pub name: String,
    }

    /// A distance.
    #[derive(Debug, Serialize, Deserialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    pub struct Metres {
        /// How many.
        pub metres: i64,
    }

    /// With one field more.
    #[derive(Debug, PartialEq, Serialize, Deserialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    pub struct Greeting {
        /// A code of two letters.
        pub language: String,
        /// What to say.
        pub text: String,
    }

    /// Greets.
    #[go_plugin::interface]
    pub trait Greeter {
        /// A method more.
        async fn hi(&self) -> Result<String>;
        /// Greets somebody.
        async fn greet(&self, person: &Person) -> Result<Greeting>;
        /// With an argument more.
        #[rpc(args = map)]
        async fn describe(&self, name: &str, count: i64) -> Result<String>;
        /// Of another type.
        async fn double(&self, text: &str) -> Result<String>;
        /// Of a type that has nothing in common with what it was.
        async fn walk(&self, metres: Metres) -> Result<i64>;
    }

    /// An interface more.
    #[go_plugin::interface]
    pub trait Announcer {
        /// What it says.
        async fn announce(&self) -> Result<String>;
    }

    /// A greeter and announcer.
    pub struct Hello;

    #[go_plugin::interface]
    impl Greeter for Hello {
        async fn hi(&self) -> Result<String> {
            Ok("Hi!".into())
        }

        async fn greet(&self, person: &Person) -> Result<Greeting> {
            called("greet")?;
            let Person { name, email, age } = person;
            Ok(Greeting { language: "en".into(), text: format!("{name} <{email}> is {age}") })
        }

        async fn describe(&self, name: &str, count: i64) -> Result<String> {
            Ok(format!("{name} {count}"))
        }

        async fn double(&self, text: &str) -> Result<String> {
            Ok(text.repeat(2))
        }

        async fn walk(&self, metres: Metres) -> Result<i64> {
            Ok(metres.metres)
        }
    }

    #[go_plugin::interface]
    impl Announcer for Hello {
        async fn announce(&self) -> Result<String> {
            Ok("ladies and gentlemen".into())
        }
    }
}
