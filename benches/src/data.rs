//! The values that are encoded. `go/data.go` has the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_gob::GobType;

/// The header of a request in net/rpc.
#[derive(Clone, Default, Serialize, Deserialize, GobType, gobwire::Gob)]
#[serde(rename_all = "PascalCase")]
pub struct Header {
    service_method: String,
    seq: u64,
}

/// The same, with its text where it arrived.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BorrowedHeader<'a> {
    pub service_method: &'a str,
    pub seq: u64,
}

/// Twenty fields, some of them of structs.
#[derive(Clone, Default, Serialize, Deserialize, GobType, gobwire::Gob)]
#[serde(rename_all = "PascalCase")]
pub struct Order {
    number: i64,
    revision: u32,
    customer: String,
    email: String,
    currency: String,
    total: f64,
    discount: f64,
    paid: bool,
    shipped: bool,
    gift: bool,
    created: i64,
    changed: i64,
    weight: u64,
    priority: i32,
    #[serde(with = "serde_bytes")]
    token: Vec<u8>,
    tags: Vec<String>,
    notes: BTreeMap<String, String>,
    billing: Address,
    shipping: Address,
    items: Vec<Item>,
}

/// The same, with its texts and bytes where they arrived.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BorrowedOrder<'a> {
    pub number: i64,
    pub revision: u32,
    pub customer: &'a str,
    pub email: &'a str,
    pub currency: &'a str,
    pub total: f64,
    pub discount: f64,
    pub paid: bool,
    pub shipped: bool,
    pub gift: bool,
    pub created: i64,
    pub changed: i64,
    pub weight: u64,
    pub priority: i32,
    pub token: &'a [u8],
    #[serde(borrow)]
    pub tags: Vec<&'a str>,
    #[serde(borrow)]
    pub notes: BTreeMap<&'a str, &'a str>,
    #[serde(borrow)]
    pub billing: BorrowedAddress<'a>,
    #[serde(borrow)]
    pub shipping: BorrowedAddress<'a>,
    #[serde(borrow)]
    pub items: Vec<BorrowedItem<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BorrowedAddress<'a> {
    pub street: &'a str,
    pub city: &'a str,
    pub zip: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BorrowedItem<'a> {
    pub article: &'a str,
    pub count: i64,
    pub price: f64,
}

#[derive(Clone, Default, Serialize, Deserialize, GobType, gobwire::Gob)]
#[serde(rename_all = "PascalCase")]
pub struct Address {
    street: String,
    city: String,
    zip: i64,
}

#[derive(Clone, Default, Serialize, Deserialize, GobType, gobwire::Gob)]
#[serde(rename_all = "PascalCase")]
pub struct Item {
    article: String,
    count: i64,
    price: f64,
}

pub fn header() -> Header {
    Header { service_method: "Plugin.Echo".into(), seq: 12_345 }
}

pub fn order() -> Order {
    let address = |street: &str| Address { street: street.into(), city: "Springfield".into(), zip: 62_701 };
    let item = |article: &str, count, price| Item { article: article.into(), count, price };
    Order {
        number: 1_000_017,
        revision: 3,
        customer: "Ada Lovelace".into(),
        email: "ada@example.com".into(),
        currency: "EUR".into(),
        total: 149.85,
        discount: 0.125,
        paid: true,
        shipped: false,
        gift: true,
        created: 1_700_000_000,
        changed: 1_700_086_400,
        weight: 2_350,
        priority: -1,
        token: (0..32).collect(),
        tags: vec!["new".into(), "express".into(), "insured".into()],
        notes: [("door", "blue"), ("floor", "third")].map(|(k, v)| (k.into(), v.into())).into(),
        billing: address("1 Main Street"),
        shipping: address("742 Evergreen Terrace"),
        items: vec![item("book", 3, 19.95), item("lamp", 1, 49.5), item("cable", 12, 3.375)],
    }
}

pub fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n % 251) as u8).collect()
}

pub fn floats(count: u32) -> Vec<f64> {
    (0..count).map(|n| f64::from(n) * 1.1).collect()
}
