//! Encoding and decoding of each kind of value.

use benches::{gob, options::By};
use criterion::{Criterion, criterion_group, criterion_main};

fn values(c: &mut Criterion) {
    for value in gob::VALUES {
        for direction in ["encode", "decode"] {
            let name = format!("gob/{value}/{direction}");
            let mut operation = gob::operation(&name, By::Ours).expect("a row of the comparison");
            c.bench_function(&name, |b| b.iter(&mut operation));
        }
    }
}

criterion_group!(benches, values);
criterion_main!(benches);
