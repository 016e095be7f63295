use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::shape::{GobType, Shape, TypeBuilder};

/// Go's `complex64` and `complex128`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Complex {
    /// The real part.
    pub re: f64,
    /// The imaginary part.
    pub im: f64,
}

impl Complex {
    /// The number `re + im·i`.
    pub const fn new(re: f64, im: f64) -> Self {
        Complex { re, im }
    }
}

impl GobType for Complex {
    type Key = Complex;
    fn shape(_: &mut TypeBuilder<'_>) -> Shape {
        Shape::complex()
    }
}

impl Serialize for Complex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.re, self.im).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Complex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (re, im) = <(f64, f64)>::deserialize(deserializer)?;
        Ok(Complex { re, im })
    }
}
