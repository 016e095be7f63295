#[derive(serde::Serialize, serde_gob::GobType)]
enum Shape {
    #[serde(rename = "main.Circle")]
    Circle { radius: f64 },
}

fn main() {}
