//! A plugin that breaks the rules in the one way that its first argument names; the second is the transport that it
//! claims to speak. Written by hand: it must not share a mistake with the library. `TMPDIR` is the test's own.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::{
    env, fs,
    io::{self, Read, Write},
    os::unix::{
        net::{UnixListener, UnixStream},
        process::CommandExt,
    },
    path::PathBuf,
    process::{self, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

fn main() {
    let args: Vec<_> = env::args().skip(1).collect();
    fs::write(env::temp_dir().join("pid"), process::id().to_string()).unwrap();
    let transport = args.get(1).map_or("netrpc", String::as_str);
    match args[0].as_str() {
        // The handshake line.
        "silent" => rest(),
        "garbage" => say("lolinvalid"),
        "garbage-and-exit" => {
            println!("lolinvalid");
            process::exit(4);
        }
        "not-utf8" => {
            io::stdout().write_all(b"1|1|\xff\xfe|\xc3|netrpc\n").unwrap();
            rest()
        }
        "core-version" => say("9|1|unix|/nonexistent|netrpc"),
        "core-not-a-number" => say("one|1|unix|/nonexistent|netrpc"),
        "app-version" => say("1|42|unix|/nonexistent|netrpc"),
        "app-not-a-number" => say("1|1.0|unix|/nonexistent|netrpc"),
        "unknown-network" => say("1|1|carrier-pigeon|/nonexistent|netrpc"),
        "unknown-transport" => say("1|1|unix|/nonexistent|morse"),
        "bad-certificate" => say(&format!("1|1|unix|/nonexistent|netrpc|{}", "?".repeat(60))),
        "no-listener" => say(&format!("1|1|unix|/nonexistent/socket|{transport}|{}", rest_of_line())),
        "two-lines-at-once" => say("hello from main\n1|1|unix|/nonexistent|netrpc"),
        "long-line" => {
            let megabyte = vec![b'x'; 1 << 20];
            (0..10).for_each(|_| drop(io::stdout().write_all(&megabyte)));
            rest()
        }
        "close-stdout" => {
            // A shell closes what safe Rust cannot.
            let error = Command::new("sh").args(["-c", "exec sleep 600 >&-"]).exec();
            panic!("no shell: {error}");
        }
        "exit" => process::exit(3),
        "exit-with-reason" => {
            eprintln!("plugin: cannot read config.hcl: no such file");
            process::exit(3);
        }
        "exit-with-zero" => {}
        "killed" => {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
        }
        "go-panic" => {
            eprintln!("panic: runtime error: index out of range [3] with length 3\n");
            eprintln!("goroutine 1 [running]:\nmain.main()\n\t/src/main.go:9 +0x1d");
            process::exit(2);
        }
        "odd-logs" => {
            let mut stderr = io::stderr();
            stderr
                .write_all(b"{\"@message\":1,\"@level\":[],\"@timestamp\":{}}\nnull\n[1]\n\0\xff\xfe\n")
                .unwrap();
            let megabyte = vec![0x80; 1 << 20];
            (0..10).for_each(|_| stderr.write_all(&megabyte).unwrap());
            stderr.write_all(b"\nlast words").unwrap();
            process::exit(7);
        }
        "exit-but-keep-pipes" => {
            keep_pipes();
            process::exit(5);
        }

        // After the line.
        "stdio-unasked" => say("1|1|stdio|stdio|netrpc|"),
        "stdio-not-multiplexed" => say("1|1|stdio|stdio|grpc|"),
        "stdio-silent" => say(&stdio_line(transport)),
        "stdio-die" => {
            println!("{}", stdio_line(transport));
            process::exit(6);
        }
        "stdio-swallow" => {
            println!("{}", stdio_line(transport));
            drop(io::copy(&mut io::stdin(), &mut io::sink()));
            rest()
        }
        "stdio-babble" => {
            println!("{}", stdio_line(transport));
            drop(io::stdout().write_all(&b"a stray print\n".repeat(1000)));
            rest()
        }
        "never-accept" => listen(transport, |_| rest()),
        "accept-and-close" => listen(transport, |listener| {
            loop {
                drop(listener.accept().unwrap());
            }
        }),
        "accept-and-hold" => listen(transport, |listener| {
            let mut held = Vec::new();
            loop {
                held.push(listener.accept().unwrap());
            }
        }),
        "accept-and-swallow" => listen(transport, |listener| {
            serve(&listener, |mut stream| drop(io::copy(&mut stream, &mut io::sink())))
        }),
        "accept-and-babble" => listen(transport, |listener| {
            serve(&listener, |mut stream| {
                drop(stream.write_all(&b"HTTP/1.0 400 Bad Request\r\n\r\n".repeat(1000)));
                drop(io::copy(&mut stream, &mut io::sink()));
            })
        }),
        "accept-and-die" => listen(transport, |listener| {
            let _ = listener.accept().unwrap().0.read(&mut [0; 64]);
            process::exit(6);
        }),
        "die-in-tls" => listen(transport, |listener| {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 64]).unwrap();
            // The begin of a ServerHello of 118 bytes.
            stream.write_all(&[0x16, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3]).unwrap();
            process::exit(6);
        }),
        "another-certificate" => listen(transport, |listener| serve(&listener, serve_tls)),
        "stop" => listen(transport, |_| {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP).unwrap();
            rest()
        }),
        "print-for-ever" => listen(transport, |_| {
            // Neither a newline nor an end on either stream.
            let noise = vec![0xff; 64 << 10];
            thread::spawn({
                let noise = noise.clone();
                move || while io::stderr().write_all(&noise).is_ok() {}
            });
            while io::stdout().write_all(&noise).is_ok() {}
        }),
        other => panic!("unknown misbehaviour: {other}"),
    }
}

fn rest() -> ! {
    loop {
        thread::sleep(Duration::from_secs(600));
    }
}

fn say(line: &str) {
    println!("{line}");
    rest()
}

#[allow(clippy::zombie_processes)] // it is the point
/// A grandchild that outlives us with both pipes. Its id goes to a file beside ours.
fn keep_pipes() {
    let child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
    fs::write(env::temp_dir().join("grandchild"), child.id().to_string()).unwrap();
}

/// Listens, says so, and never removes the socket.
fn listen(transport: &str, then: impl FnOnce(UnixListener)) {
    let path = socket_path();
    let listener = UnixListener::bind(&path).unwrap();
    println!("1|1|unix|{}|{transport}|{}", path.display(), rest_of_line());
    then(listener);
}

/// What comes last in the line: for a host that wants a certificate its own, and for one that multiplexes the promise to.
fn rest_of_line() -> String {
    let multiplex = if env::var_os("PLUGIN_MULTIPLEX_GRPC").is_some() { "|true" } else { "" };
    certificate() + multiplex
}

fn stdio_line(transport: &str) -> String {
    let multiplex = if transport == "grpc" { "|true" } else { "" };
    format!("1|1|stdio|stdio|{transport}|{}{multiplex}", certificate())
}

fn certificate() -> String {
    let pem = env::var("PLUGIN_CLIENT_CERT").unwrap_or_default();
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    lines.collect::<String>().trim_end_matches('=').to_owned()
}

/// With a certificate that nobody has heard of.
fn serve_tls(mut stream: UnixStream) {
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(stranger.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.unwrap().with_no_client_auth().with_single_cert(vec![stranger.cert.into()], key);
    let mut config = config.unwrap();
    if env::args().nth(2).as_deref() == Some("grpc") {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    let mut tls = rustls::ServerConnection::new(config.into()).unwrap();
    let _ = io::copy(&mut rustls::Stream::new(&mut tls, &mut stream), &mut io::sink());
}

fn socket_path() -> PathBuf {
    env::temp_dir().join("socket")
}

fn serve(listener: &UnixListener, each: fn(UnixStream)) {
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        thread::spawn(move || each(stream));
    }
}
