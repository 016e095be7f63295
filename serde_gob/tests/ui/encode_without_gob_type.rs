#[derive(serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct Args {
    name: String,
}

fn main() {
    let _ = serde_gob::to_vec(&Args { name: "Ann".into() });
}
