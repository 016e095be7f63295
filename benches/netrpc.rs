//! Calls over a pair of sockets inside one process.

use benches::{
    data,
    rpc::{self, Echo},
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tokio::{net::UnixStream, runtime::Builder};

fn calls(c: &mut Criterion) {
    let mut group = c.benchmark_group("netrpc/call");
    for size in [64, 4 * 1024, 1 << 20] {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = runtime.block_on(async {
            let (here, there) = UnixStream::pair().expect("a pair of sockets");
            tokio::spawn(rpc::server().expect("a server").serve(there));
            netrpc::Client::new(here)
        });
        let mut payload = data::bytes(size);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                let call = client.echo(std::mem::take(&mut payload));
                payload = runtime.block_on(call).expect("the server lives");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, calls);
criterion_main!(benches);
