#[derive(serde::Serialize, serde_gob::GobType)]
#[serde(rename_all = "PascalCase")]
struct Base {
    id: u64,
}

#[derive(serde::Serialize, serde_gob::GobType)]
#[serde(rename_all = "PascalCase")]
struct Args {
    #[serde(flatten)]
    base: Base,
    name: String,
}

fn main() {}
