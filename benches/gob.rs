//! Encoding and decoding of each kind of value.

use benches::{gob, options::By};
use criterion::{Criterion, criterion_group, criterion_main};

fn values(c: &mut Criterion) {
    let both =
        gob::VALUES.map(|value| ["encode", "decode"].map(|direction| format!("gob/{value}/{direction}")));
    let borrowed = gob::BORROWED.map(|value| format!("gob/{value}/decode/borrowed"));
    for name in both.into_iter().flatten().chain(borrowed) {
        let mut operation = gob::operation(&name, By::Ours).expect("a row of the comparison");
        c.bench_function(&name, |b| b.iter(&mut operation));
    }
}

criterion_group!(benches, values);
criterion_main!(benches);
