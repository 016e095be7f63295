#[derive(serde::Serialize, serde_gob::GobType)]
#[serde(rename_all = "PascalCase")]
struct Args {
    #[gob(omitempty)]
    name: String,
}

fn main() {}
