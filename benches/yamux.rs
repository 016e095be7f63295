//! Sessions inside one process: the state machine and its tasks, without a second process to wake.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use muxbroker::{Config, Session, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    runtime::{Builder, Runtime},
};

/// A stream to an echo; the session lives as long as it.
fn echo(runtime: &Runtime) -> Stream {
    runtime.block_on(async {
        let (here, there) = UnixStream::pair().expect("a pair of sockets");
        tokio::spawn(async move {
            let session = Session::server(there, Config::default());
            let stream = session.accept().await.expect("the other side opens a stream");
            let (mut read, mut write) = stream.into_split();
            tokio::io::copy(&mut read, &mut write).await
        });
        Session::client(here, Config::default()).open().await.expect("a stream")
    })
}

fn echoes(c: &mut Criterion) {
    let mut group = c.benchmark_group("yamux/echo");
    for size in [64, 4 * 1024, 64 * 1024] {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (mut stream, mut message) = (echo(&runtime), vec![7; size]);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    stream.write_all(&message).await.expect("the session lives");
                    stream.read_exact(&mut message).await.expect("the session lives");
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, echoes);
criterion_main!(benches);
