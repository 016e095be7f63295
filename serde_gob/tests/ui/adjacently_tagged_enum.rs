#[derive(serde::Serialize, serde_gob::GobType)]
#[serde(tag = "kind", content = "value")]
enum Id {
    Number(u64),
}

fn main() {}
