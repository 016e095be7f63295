#[derive(serde_gob::GobType)]
union Bits {
    a: u32,
    b: f32,
}

fn main() {}
