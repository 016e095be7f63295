//! A Go interface as a Rust enum. The Go side of this stream:
//!
//! ```go
//! type Shape interface{ Area() float64 }
//! type Circle struct{ Radius float64 }
//! type Square struct{ Side float64 }
//! type Drawing struct { Title string; Shapes []Shape }
//!
//! gob.Register(Circle{}) // "main.Circle"
//! gob.Register(Square{}) // "main.Square"
//! ```
//!
//! Writes two drawings to standard output, for a Go program or for the example `dump`: `shapes | dump`.

use serde::{Deserialize, Serialize};
use serde_gob::{GobType, Writer};
use std::{error::Error, io};

#[derive(Deserialize, GobType, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Circle {
    radius: f64,
}

#[derive(Deserialize, GobType, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Square {
    side: f64,
}

/// The names are those under which Go registers the types.
#[derive(Deserialize, GobType, Serialize)]
enum Shape {
    #[serde(rename = "main.Circle")]
    Circle(Circle),
    #[serde(rename = "main.Square")]
    Square(Square),
}

#[derive(Deserialize, GobType, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Drawing {
    title: String,
    shapes: Vec<Shape>,
}

fn main() -> Result<(), Box<dyn Error>> {
    // The types are defined once, with the first value.
    let mut drawings = Writer::new(io::stdout().lock());
    drawings.encode(&Drawing {
        title: "eye".into(),
        shapes: vec![Shape::Circle(Circle { radius: 3.0 }), Shape::Circle(Circle { radius: 1.0 })],
    })?;
    drawings.encode(&Drawing { title: "box".into(), shapes: vec![Shape::Square(Square { side: 2.0 })] })?;
    Ok(())
}
