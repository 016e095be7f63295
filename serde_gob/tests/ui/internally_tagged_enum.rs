#[derive(serde::Serialize, serde_gob::GobType)]
#[serde(tag = "kind")]
enum Shape {
    Circle { r: f64 },
}

fn main() {}
