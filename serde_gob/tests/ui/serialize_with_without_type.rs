fn as_text<S: serde::Serializer>(n: &u64, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(n)
}

#[derive(serde::Serialize, serde_gob::GobType)]
#[serde(rename_all = "PascalCase")]
struct Args {
    #[serde(serialize_with = "as_text")]
    id: u64,
}

fn main() {}
