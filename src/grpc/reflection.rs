//! Reflection: which services a server has, and what they look like.

use tonic_reflection::server::Builder;

use super::GrpcServices;
use crate::{Error, Result};

/// Adds reflection, which lists what is in `services` and itself: call it last. Services without
/// descriptors are listed and not described.
pub(crate) fn add(services: &mut GrpcServices) -> Result<()> {
    const REFLECTION: [&str; 2] =
        ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

    services.add_descriptors(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET);
    services.add_descriptors(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET);
    let mut names: Vec<String> = services.names().map(str::to_owned).collect();
    names.extend(REFLECTION.map(str::to_owned));
    names.sort();
    let builder = || {
        let builder = Builder::configure().include_reflection_service(false);
        let builder = names.iter().fold(builder, |b, name| b.with_service_name(name));
        services.descriptors().iter().fold(builder, |b, set| b.register_encoded_file_descriptor_set(set))
    };
    let unusable =
        |error| Error::misuse(format!("a descriptor set that was added for reflection is unusable: {error}"));
    let v1 = builder().build_v1().map_err(unusable)?;
    let v1alpha = builder().build_v1alpha().map_err(unusable)?;
    services.add_own(v1)?;
    services.add_own(v1alpha)
}
