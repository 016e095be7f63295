#[derive(serde::Serialize, serde_gob::GobType)]
#[serde(rename_all = "PascalCase")]
struct Args {
    #[serde(rename = "userID")]
    user_id: u64,
}

fn main() {}
