//! The macros of [go-plugin](https://docs.rs/go-plugin). Use them through that crate, to which what they generate refers.

mod args;
mod checks;
mod client;
mod expand;
mod method;
mod mistakes;
mod names;
mod options;
mod param;
mod plugin;
mod service;

/// Makes a trait an interface between processes.
///
/// On a trait it generates, besides the trait itself, made usable as `dyn Trait`:
///
/// * the net/rpc client and server of the trait (`go_plugin::Interface` for `dyn Trait`),
/// * a type `TraitPlugin` to register under a name: `TraitPlugin::new(implementation)` or
///   `TraitPlugin::shared(Arc<dyn Trait>)` in a plugin, `TraitPlugin::client()` in a host.
///
/// On an `impl` of such a trait, where it must stand, it lets the methods be written as `async fn`.
///
/// ```
/// use go_plugin::Result;
///
/// #[go_plugin::interface]
/// pub trait Greeter {
///     async fn greet(&self) -> Result<String>;
/// }
///
/// struct Hello;
///
/// #[go_plugin::interface]
/// impl Greeter for Hello {
///     async fn greet(&self) -> Result<String> {
///         Ok("Hello!".into())
///     }
/// }
/// ```
///
/// # On the wire
///
/// Methods are those of the net/rpc service `Plugin`, called as in Go: `greet_all` is `Plugin.GreetAll`.
///
/// | Parameters | Argument |
/// |---|---|
/// | none | a nil interface, Go's `new(interface{})`; anything is accepted |
/// | one | its value: what Go's net/rpc has |
/// | several | a struct with a field for each, in PascalCase: `user_id` is `UserId` |
/// | several, `#[rpc(args = map)]` | `map[string]interface{}` with the names of the parameters as keys |
///
/// Types derive `Serialize`, `Deserialize` and `GobType`; a parameter can be a reference (`&str`, `&[u8]`, `&Args`).
/// `Arc<dyn Other>`, where `Other` is an interface too, is an object that the other side may call, and so is
/// `Option<Arc<dyn Other>>`.
///
/// `Vec<u8>` is Go's `[]byte`. As a parameter or a reply it is taken at once; inside a struct serde takes it byte by byte, which for large
/// ones takes longer than everything else: use `serde_gob::Bytes` there, or `#[serde(with = "serde_bytes")]`.
///
/// gob leaves out fields that are zero, so `Some(0)` in a struct arrives as `None`, and it has no `nil` of its own: `None`
/// as the whole argument or the whole reply is an error. Put it into a struct.
///
/// The two sides may have different versions of a struct, as in Go: a field that the sender's lacks is zero (whatever
/// serde's `default` says), one that the receiver's lacks is ignored.
///
/// A method returns `Result<T, E>` where `E: From<go_plugin::Error> + Display`: `go_plugin::Result<T>`,
/// `anyhow::Result<T>`, or an error type of your own. `Result<()>` sends a nil interface and accepts anything.
/// Errors cross the wire as text, the whole chain of it (`{:#}`).
///
/// # Options
///
/// `#[interface(…)]` on a trait takes
///
/// * `grpc`: the plugin also has a gRPC half, which you write: `impl GrpcPlugin<dyn Trait> for TraitPlugin`;
/// * `no_args = TYPE`: what methods without parameters send, its default value: `netrpc::Nil` or, for Go methods that
///   take a `struct{}`, `netrpc::Empty`, or any other type, such as `bool`;
/// * `no_reply = TYPE`: what methods that return `Result<()>` reply, likewise;
/// * `crate = PATH`: where this crate is, if not at `::go_plugin`.
///
/// `#[rpc(…)]` on a method takes `name = "GoName"`, `args = value`, `args = fields` or `args = map`, and `no_args` and
/// `no_reply` for it alone; on a parameter it takes `name = "Field"`.
#[proc_macro_attribute]
pub fn interface(
    attribute: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    expand::interface(attribute.into(), item.into()).into()
}

/// Says the gob type of a Rust type, beside serde's `Serialize`: which fields it has, and of which types.
///
/// This is `serde_gob::GobType` for crates that depend on go-plugin alone; its attributes are described there.
///
/// ```
/// use go_plugin::GobType;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, GobType)]
/// #[serde(rename_all = "PascalCase")]
/// struct Person {
///     name: String,
///     age: i64,
/// }
/// ```
#[proc_macro_derive(GobType, attributes(gob, serde))]
pub fn derive_gob_type(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand::gob_type(item.into()).into()
}
