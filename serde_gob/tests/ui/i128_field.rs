#[derive(serde::Serialize, serde_gob::GobType)]
#[serde(rename_all = "PascalCase")]
struct Args {
    amount: i128,
}

fn main() {}
