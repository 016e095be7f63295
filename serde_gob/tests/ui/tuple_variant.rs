#[derive(serde::Serialize, serde_gob::GobType)]
enum Shape {
    #[serde(rename = "main.Rect")]
    Rect(f64, f64),
}

fn main() {}
