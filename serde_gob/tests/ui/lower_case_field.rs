#[derive(serde::Serialize, serde_gob::GobType)]
struct Args {
    name: String,
}

fn main() {}
