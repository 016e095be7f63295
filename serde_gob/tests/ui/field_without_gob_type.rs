#[derive(serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct Inner {
    a: i64,
}

#[derive(serde::Serialize, serde_gob::GobType)]
#[serde(rename_all = "PascalCase")]
struct Outer {
    inner: Inner,
}

fn main() {}
