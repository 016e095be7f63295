//! The types of `tests/interop/go/rpcpeer`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_gob::GobType;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Pair {
    pub(crate) a: i64,
    pub(crate) b: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Quotient {
    pub(crate) quo: i64,
    pub(crate) rem: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) sides: i64,
    pub(crate) filled: bool,
    pub(crate) area: f64,
    pub(crate) points: Vec<Pair>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) inner: Option<Pair>,
}

impl Shape {
    /// Every field set, apart from zeros among the points.
    pub(crate) fn triangle() -> Shape {
        Shape {
            name: "triangle".into(),
            sides: 3,
            filled: true,
            area: 4.5,
            points: vec![Pair { a: 0, b: 0 }, Pair { a: 3, b: 0 }, Pair { a: 0, b: 3 }],
            tags: BTreeMap::from([("colour".into(), "red".into())]),
            inner: Some(Pair { a: 1, b: 1 }),
        }
    }
}
