#[derive(serde::Serialize, serde_gob::GobType)]
struct Pair(i64, String);

fn main() {}
