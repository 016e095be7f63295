//! Reflection: which services a server has, and what they look like.

use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use tonic::Status;
use tonic_reflection::server::{Builder, Error as Unusable};
use tower_service::Service;

use super::{
    GrpcServices,
    services::{Answer, Request, Response, ServiceRouter},
};
use crate::Result;

const NAMES: [&str; 2] = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// Adds reflection, which lists what is in `services` and itself: call it last. Services without
/// descriptors are listed and not described.
pub(crate) fn add(services: &mut GrpcServices) -> Result<()> {
    services.add_descriptors(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET);
    services.add_descriptors(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET);
    let mut listed: Vec<String> = services.names().map(str::to_owned).collect();
    listed.extend(NAMES.map(str::to_owned));
    listed.sort();
    let catalogue =
        Catalogue { listed, descriptors: services.descriptors().to_vec(), opened: OnceLock::new() };
    services.add_own_router(NAMES, Reflection(Arc::new(catalogue)))
}

/// Both versions of the service, made when one is first asked: to read the descriptors takes longer than anything else
/// a plugin does at its start, and hosts do not ask.
#[derive(Clone)]
struct Reflection(Arc<Catalogue>);

struct Catalogue {
    listed: Vec<String>,
    descriptors: Vec<&'static [u8]>,
    /// Or what is wrong with the descriptors.
    opened: OnceLock<Result<ServiceRouter, String>>,
}

impl Catalogue {
    fn open(&self) -> Result<ServiceRouter, String> {
        let unusable = |error: Unusable| {
            let text = format!("a descriptor set that was added for reflection is unusable: {error}");
            tracing::error!("{text}");
            text
        };
        let mut services = GrpcServices::new(0);
        let v1 = self.builder().build_v1().map_err(unusable)?;
        let v1alpha = self.builder().build_v1alpha().map_err(unusable)?;
        let added = services.add_own(v1).and_then(|()| services.add_own(v1alpha));
        added.map_err(|error| error.to_string())?;
        Ok(services.into_router())
    }

    fn builder(&self) -> Builder<'static> {
        let builder = Builder::configure().include_reflection_service(false);
        let builder = self.listed.iter().fold(builder, |b, name| b.with_service_name(name));
        self.descriptors.iter().fold(builder, |b, set| b.register_encoded_file_descriptor_set(set))
    }
}

impl Service<Request> for Reflection {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        match self.0.opened.get_or_init(|| self.0.open()) {
            Ok(router) => router.clone().call(request),
            Err(text) => Box::pin(ready(Ok(Status::internal(text).into_http()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, body::Body};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn an_unusable_descriptor_set_fails_what_asks_for_it_and_says_so() {
        let mut services = GrpcServices::new(0);
        services.add_descriptors(b"\x0a\x7fcut off");
        add(&mut services).unwrap();
        let router = services.into_router();
        for name in NAMES {
            let uri = format!("/{name}/ServerReflectionInfo");
            let request = http::Request::builder().uri(uri).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            let status = Status::from_header_map(answer.headers()).unwrap();
            assert_eq!(status.code(), Code::Internal, "{name}");
            let text = "a descriptor set that was added for reflection is unusable: ";
            assert!(status.message().starts_with(text), "{name}: {status}");
        }
    }
}
