//! An interface with arguments and replies of every kind.

use std::{collections::BTreeMap, fmt, sync::Mutex};

use go_plugin::{Error, GobType, Result, netrpc};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Person {
    pub name: String,
    pub age: i64,
    pub tags: BTreeMap<String, String>,
}

/// An error type of the user's own.
#[derive(Debug)]
pub enum OwnError {
    Plugin(Error),
    Refused,
    Silent,
}

impl From<Error> for OwnError {
    fn from(error: Error) -> Self {
        Self::Plugin(error)
    }
}

impl fmt::Display for OwnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plugin(error) => error.fmt(f),
            Self::Refused => f.write_str("refused"),
            Self::Silent => Ok(()),
        }
    }
}

#[go_plugin::interface]
pub trait Everything {
    async fn echo(&self, person: Person) -> Result<Person>;
    async fn borrow(&self, person: &Person) -> Result<i64>;
    async fn bytes(&self, bytes: &[u8]) -> Result<Vec<u8>>;
    async fn numbers(&self, numbers: &[i64], scale: f64, label: &str) -> Result<Vec<String>>;
    async fn optional(&self, name: Option<String>, r#type: Option<u32>) -> Result<Option<String>>;
    async fn store(&self, key: &str) -> Result<()>;
    async fn nothing(&self) -> Result<()>;
    #[rpc(args = map)]
    async fn put(&self, key: &str, value: &[u8]) -> Result<String>;
    #[rpc(args = map, name = "PutMany")]
    async fn many(
        &self,
        count: i64,
        #[rpc(name = "Ratio")] ratio: f32,
        names: Vec<String>,
        who: Named,
    ) -> Result<String>;
    #[rpc(args = fields)]
    async fn one_field(&self, #[rpc(name = "ID")] id: u64) -> Result<u64>;
    async fn own_error(&self, silent: bool) -> Result<(), OwnError>;
    async fn chain(&self) -> anyhow::Result<String>;
    async fn default_body(&self) -> Result<String> {
        Ok("default".into())
    }
}

/// A struct that the Go side would have registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Named {
    pub first: String,
}

impl netrpc::Registered for Named {
    const NAME: &'static str = "main.Named";
}

#[derive(Default)]
pub struct Implementation {
    pub stored: Mutex<Vec<String>>,
}

#[go_plugin::interface]
impl Everything for Implementation {
    async fn echo(&self, person: Person) -> Result<Person> {
        Ok(person)
    }
    async fn borrow(&self, person: &Person) -> Result<i64> {
        Ok(person.age)
    }
    async fn bytes(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        Ok(bytes.iter().rev().copied().collect())
    }
    async fn numbers(&self, numbers: &[i64], scale: f64, label: &str) -> Result<Vec<String>> {
        Ok(numbers.iter().map(|n| format!("{label}{}", *n as f64 * scale)).collect())
    }
    async fn optional(&self, name: Option<String>, r#type: Option<u32>) -> Result<Option<String>> {
        Ok(Some(format!("{name:?} {type:?}")))
    }
    async fn store(&self, key: &str) -> Result<()> {
        self.stored.lock().unwrap().push(key.into());
        Ok(())
    }
    async fn nothing(&self) -> Result<()> {
        self.store("nothing").await
    }
    async fn put(&self, key: &str, value: &[u8]) -> Result<String> {
        Ok(format!("{key}={}", String::from_utf8_lossy(value)))
    }
    async fn many(&self, count: i64, ratio: f32, names: Vec<String>, who: Named) -> Result<String> {
        Ok(format!("{count} {ratio} {names:?} {}", who.first))
    }
    async fn one_field(&self, id: u64) -> Result<u64> {
        Ok(id)
    }
    async fn own_error(&self, silent: bool) -> Result<(), OwnError> {
        Err(if silent { OwnError::Silent } else { OwnError::Refused })
    }
    async fn chain(&self) -> anyhow::Result<String> {
        Err(anyhow::anyhow!("file missing").context("reading the configuration"))
    }
}
