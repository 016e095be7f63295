//! The interface of httprunner/funplugin: functions by name, with arguments of any type.

mod grpc;

use go_plugin::{
    Error, GobType, Handshake, Result,
    serde_gob::{Any, Type, Value},
};
use serde::{Deserialize, Serialize};

/// That of funplugin.
pub const HANDSHAKE: Handshake = Handshake::new(1, "HttpRunnerPlus", "debugtalk");

/// The variable that says which transport host and plugin speak: `rpc` or, also without it, `grpc`. The plugin has that name.
pub const MODE: &str = "HRP_PLUGIN_TYPE";

/// Functions by name.
#[go_plugin::interface(grpc)]
pub trait Functions {
    /// Their names.
    async fn get_names(&self) -> Result<Vec<String>>;
    /// Calls one.
    async fn call(&self, call: FunctionCall) -> Result<Any>;
}

/// The argument of `Plugin.Call`: an `interface{}` that always holds the same struct.
#[derive(Serialize, Deserialize, GobType)]
pub enum FunctionCall {
    /// Registered as a pointer, so under the name without its package's path.
    #[serde(rename = "*fungo.funcData", rename_all = "PascalCase")]
    Data {
        /// Which function.
        name: String,
        /// What it is called with.
        args: Vec<Any>,
    },
}

/// Functions of ours.
pub struct Library;

#[go_plugin::interface]
impl Functions for Library {
    async fn get_names(&self) -> Result<Vec<String>> {
        Ok(["sum_two_int", "repeat", "echo", "nothing", "fail"].map(str::to_owned).into())
    }

    async fn call(&self, call: FunctionCall) -> Result<Any> {
        let FunctionCall::Data { name, args } = call;
        let integer = |at: usize| args.get(at).and_then(whole).ok_or_else(|| no_argument(at, "integer"));
        let text = |at: usize| args.get(at).and_then(Any::as_str).ok_or_else(|| no_argument(at, "text"));
        match name.as_str() {
            "sum_two_int" => Ok(Any::int(integer(0)? + integer(1)?)),
            "repeat" => {
                let times = usize::try_from(integer(1)?).map_err(Error::msg)?;
                let texts = vec![Value::String(text(0)?.to_owned().into_bytes().into()); times];
                Ok(Any::new("[]string", Type::slice(&Type::string()), Value::Slice(texts)))
            }
            "echo" => args.into_iter().next().ok_or_else(|| no_argument(0, "value")),
            "nothing" => Ok(Any::NIL),
            "fail" => Err(Error::msg(text(0)?)),
            _ => Err(Error::msg(format!("function {name} not found"))),
        }
    }
}

/// Over gRPC every number is a `float64`.
fn whole(any: &Any) -> Option<i64> {
    any.as_int().or_else(|| any.as_float().filter(|number| number.fract() == 0.0).map(|number| number as i64))
}

fn no_argument(at: usize, kind: &str) -> Error {
    Error::msg(format!("argument {at} must be one {kind}"))
}
