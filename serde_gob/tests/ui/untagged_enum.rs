#[derive(serde::Serialize, serde_gob::GobType)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

fn main() {}
