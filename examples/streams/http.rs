//! What the plugin answers: files by their names, and `/upper`, which answers while the request is still coming.

use crate::{
    file,
    shared::{Request, Response},
};
use go_plugin::{Result, netrpc::ByteStream};
use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncWriteExt, ReadBuf, copy},
};

pub(crate) async fn handle(request: Request) -> Result<Response> {
    let Request { method, path, body, .. } = request;
    let name = path.trim_start_matches('/');
    match (method.as_str(), name, body) {
        ("POST", "upper", Some(body)) => Ok(ok(ByteStream::from_reader(Upper(body.into_reader().await?)))),
        ("PUT", _, Some(body)) => {
            let (mut from, mut to) = (body.into_reader().await?, File::create(file(name)?).await?);
            copy(&mut from, &mut to).await?;
            to.flush().await?;
            Ok(text(201, "stored\n"))
        }
        ("GET", _, _) => match File::open(file(name)?).await {
            Ok(content) => Ok(ok(ByteStream::from_reader(content))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(text(404, "not found\n")),
            Err(error) => Err(error.into()),
        },
        _ => Ok(text(405, "not allowed\n")),
    }
}

fn ok(body: ByteStream) -> Response {
    response(200, "application/octet-stream", body)
}

fn text(status: i64, body: &'static str) -> Response {
    response(status, "text/plain", ByteStream::from_reader(body.as_bytes()))
}

fn response(status: i64, content_type: &str, body: ByteStream) -> Response {
    let header = BTreeMap::from([("Content-Type".into(), vec![content_type.into()])]);
    Response { status, header, body }
}

/// Lower-case letters of ASCII become upper-case ones on their way.
struct Upper<R>(R);

impl<R: AsyncRead + Unpin> AsyncRead for Upper<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.0).poll_read(cx, buf))?;
        buf.filled_mut()[before..].make_ascii_uppercase();
        Poll::Ready(Ok(()))
    }
}
