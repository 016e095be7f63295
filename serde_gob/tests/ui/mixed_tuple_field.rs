#[derive(serde::Serialize, serde_gob::GobType)]
#[serde(rename_all = "PascalCase")]
struct Args {
    pair: (i64, String),
}

fn main() {}
