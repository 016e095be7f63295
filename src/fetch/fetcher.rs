//! From a release in a manifest to a program that can be started.

use super::{
    archive::{self, Form},
    download::{GiveUpOnDrop, GivenUp, Location, OnProgress, Progress, SIGNATURE_LIMIT},
    manifest::{Manifest, Release, Source},
};
use crate::{Checksum, Error, ErrorKind, PluginCommand, Result};
use minisign_verify::{PublicKey, Signature};
use semver::Version;
use sha2::{Digest as _, Sha256};
use std::{
    fmt,
    fs::{self, File},
    io::{Read, Seek as _},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// The largest archive that is downloaded unless [`Fetcher::download_limit`] says otherwise. The largest Terraform provider, which is
/// the largest plugin that we know of, has about 200 MB.
const DOWNLOAD_LIMIT: u64 = 1 << 30;

/// How many times its limit a download may unpack to; executables compress to a third or a quarter.
const UNPACKED: u64 = 8;

/// In the folder of an unpacked release: what is in the archive.
const FILES: &str = "files";

/// Beside it: the checksum of the program, as it came out of the archive.
const CHECKSUM: &str = "checksum";

/// Gets plugins from where a [`Manifest`] says, into a cache.
///
/// The cache is a folder that others must not be able to write to. It has one folder for each release, which appears when all of it is there;
/// programs that share a cache do not disturb each other, and what is there is not fetched again.
#[derive(Clone)]
pub struct Fetcher {
    cache: PathBuf,
    keys: Vec<PublicKey>,
    download_limit: u64,
    progress: Option<OnProgress>,
}

/// A plugin's program, ready to be started.
#[derive(Clone, Debug)]
pub struct Installed {
    version: Version,
    program: PathBuf,
    args: Vec<String>,
    checksum: Checksum,
}

impl Fetcher {
    /// Unpacks into the folder `cache`, which is made when it is needed.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self { cache: cache.into(), keys: Vec::new(), download_limit: DOWNLOAD_LIMIT, progress: None }
    }

    /// Accepts only archives with a [minisign](https://jedisct1.github.io/minisign/) signature of this key, or of another that was given this way. The key is
    /// the line in Base64 of `minisign.pub`.
    ///
    /// # Errors
    /// [`Misuse`](ErrorKind::Misuse) if it is no key.
    pub fn public_key(mut self, key: &str) -> Result<Self> {
        let key = PublicKey::from_base64(key).map_err(|cause| {
            Error::misuse(format!("{key:?} is no public key of minisign: {cause}")).with_source(cause)
        })?;
        self.keys.push(key);
        Ok(self)
    }

    /// The largest archive that is accepted, in bytes; 1 GiB by default. It may unpack to eight times as much.
    pub fn download_limit(mut self, bytes: u64) -> Self {
        self.download_limit = bytes;
        self
    }

    /// Has `show` called for every piece of an archive that arrives, on a thread where it may block the download.
    pub fn on_progress(mut self, show: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(show));
        self
    }

    /// The newest release of the plugin `name` that fits the constraint in `manifest`: fetched, verified and unpacked unless it is in the
    /// cache. Must run on a tokio runtime.
    ///
    /// Cancel safe: a download that is given up ends, and leaves nothing in the cache.
    ///
    /// # Errors
    /// Those of [`Manifest::select`]; [`Security`](ErrorKind::Security) for a wrong checksum or signature, and for an archive that is larger than
    /// allowed or would write elsewhere; [`Io`](ErrorKind::Io) if it cannot be fetched or stored;
    /// [`Launch`](ErrorKind::Launch) if the program is not in it; [`Misuse`](ErrorKind::Misuse) for a manifest that says too little.
    pub async fn install(&self, manifest: &Manifest, name: &str) -> Result<Installed> {
        let release = manifest.select(name)?.clone();
        let (this, folder, name) = (self.clone(), manifest.folder.clone(), name.to_owned());
        let given_up = GivenUp::default();
        let _give_up = GiveUpOnDrop(given_up.clone());
        let installing = tokio::task::spawn_blocking(move || match &release.source {
            Some(source) => this.unpacked(&folder, &name, &release, source, &given_up),
            None => in_place(&folder, &name, &release),
        });
        installing.await.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Cancelled, format!("the installation was cut off: {error}")))
        })
    }

    fn unpacked(
        &self,
        folder: &Path,
        name: &str,
        release: &Release,
        source: &Source,
        given_up: &GivenUp,
    ) -> Result<Installed> {
        let checksum: Checksum = source.checksum.parse()?;
        let form = Form::of(&source.location)?;
        let home = self.cache.join(folder_of(name)?).join(format!("{}-{}", release.version, id(&checksum)));
        if !home.exists() {
            fs::create_dir_all(home.parent().unwrap_or(&self.cache))?;
            // In the cache, so that it can be moved to its place.
            let staging = tempfile::Builder::new().prefix(".staging").tempdir_in(&self.cache)?;
            let archive = self.download(folder, source, &checksum, staging.path(), given_up)?;
            let files = staging.path().join(FILES);
            fs::create_dir(&files)?;
            archive::unpack(archive, form, &files, self.download_limit.saturating_mul(UNPACKED))?;
            let program = program_in(&files, release)?;
            archive::make_executable(&program)?;
            let sum = match release.checksum()? {
                Some(sum) => verified(&sum, &program)?,
                None => Checksum::sha256_of(&mut File::open(&program)?)?,
            };
            fs::write(staging.path().join(CHECKSUM), sum.to_string())?;
            // The archive has served.
            fs::remove_file(staging.path().join(ARCHIVE))?;
            match fs::rename(staging.path(), &home) {
                Err(_) if home.exists() => {} // somebody else was quicker
                renamed => renamed?,
            }
        }
        let checksum = match release.checksum()? {
            Some(sum) => sum,
            None => fs::read_to_string(home.join(CHECKSUM))?.parse()?,
        };
        let program = program_in(&home.join(FILES), release)?;
        Ok(Installed { version: release.version.clone(), program, args: release.args.clone(), checksum })
    }

    /// The archive, verified.
    fn download(
        &self,
        folder: &Path,
        source: &Source,
        checksum: &Checksum,
        staging: &Path,
        given_up: &GivenUp,
    ) -> Result<File> {
        let location = Location::new(folder, &source.location);
        let mut archive =
            File::options().read(true).write(true).create_new(true).open(staging.join(ARCHIVE))?;
        location.copy(&mut archive, self.download_limit, self.progress.as_ref(), given_up)?;
        archive.rewind()?;
        checksum.verify(&mut archive).map_err(|error| in_archive(&location, &error))?;
        if !self.keys.is_empty() {
            archive.rewind()?;
            self.verify_signature(folder, source, &mut archive, given_up)?;
        }
        archive.rewind()?;
        Ok(archive)
    }

    fn verify_signature(
        &self,
        folder: &Path,
        source: &Source,
        archive: &mut File,
        given_up: &GivenUp,
    ) -> Result<()> {
        let refused = |text: String| Error::new(ErrorKind::Security, format!("{}: {text}", source.location));
        let Some(signature) = &source.signature else {
            return Err(refused("this host demands a signature, and the manifest names none".to_owned()));
        };
        let mut text = Vec::new();
        Location::new(folder, signature).copy(&mut text, SIGNATURE_LIMIT, None, given_up)?;
        let signature = Signature::decode(&String::from_utf8_lossy(&text))
            .map_err(|cause| refused(format!("{signature} is no signature of minisign: {cause}")))?;
        let verify = |key: &PublicKey, archive: &mut File| -> Result<bool> {
            // The key that the signature names may be another one.
            let Ok(mut verifier) = key.verify_stream(&signature) else { return Ok(false) };
            archive.rewind()?;
            let mut chunk = vec![0; 64 << 10];
            loop {
                match archive.read(&mut chunk)? {
                    0 => return Ok(verifier.finalize().is_ok()),
                    length => verifier.update(&chunk[..length]),
                }
            }
        };
        for key in &self.keys {
            if verify(key, archive)? {
                return Ok(());
            }
        }
        Err(refused("the signature is not by a key that this host trusts, or not of this file".to_owned()))
    }
}

/// The name of the archive while it is staged.
const ARCHIVE: &str = "archive";

/// A program that is not in an archive.
fn in_place(folder: &Path, name: &str, release: &Release) -> Result<Installed> {
    let checksum = release.checksum()?.ok_or_else(|| {
        Error::misuse(format!(
            "plugin {name:?} {} has neither a `source` nor a `checksum` in the manifest: add what `sha256sum` says of its program",
            release.version
        ))
    })?;
    let program = std::path::absolute(folder.join(&release.command))?;
    let checksum = verified(&checksum, &program)?;
    Ok(Installed { version: release.version.clone(), program, args: release.args.clone(), checksum })
}

fn verified(checksum: &Checksum, program: &Path) -> Result<Checksum> {
    let mut file = File::open(program).map_err(|cause| {
        let text = format!("error verifying checksum: {}: {cause}", program.display());
        Error::new(ErrorKind::Launch, text).with_source(cause)
    })?;
    checksum.verify(&mut file).map_err(|error| in_archive(&program.display(), &error))?;
    Ok(checksum.clone())
}

fn in_archive(what: &dyn fmt::Display, error: &Error) -> Error {
    Error::new(error.kind(), format!("{what}: {error}"))
}

fn program_in(files: &Path, release: &Release) -> Result<PathBuf> {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let program = files.join(&release.command);
    if !release.command.components().all(plain) || !program.is_file() {
        let text = format!("there is no {} in the archive", release.command.display());
        return Err(Error::new(ErrorKind::Launch, text));
    }
    Ok(std::path::absolute(program)?)
}

/// The plugin's name as that of a folder.
fn folder_of(name: &str) -> Result<&str> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) if only == name => Ok(name),
        _ => Err(Error::misuse(format!("{name:?} cannot be the name of a folder, so it cannot be cached"))),
    }
}

/// Tells releases of one version apart whose archives differ.
fn id(checksum: &Checksum) -> String {
    const DIGITS: usize = 8;
    Sha256::digest(checksum.to_string()).iter().take(DIGITS).map(|byte| format!("{byte:02x}")).collect()
}

impl Installed {
    /// Its version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The executable; an absolute path.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// What [`ClientBuilder::command`](crate::ClientBuilder::command) takes: the program with its arguments.
    pub fn command(&self) -> PluginCommand {
        PluginCommand::new(&self.program).args(&self.args)
    }

    /// What [`ClientBuilder::checksum`](crate::ClientBuilder::checksum) takes, so that nothing else is started should the cache be changed meanwhile.
    pub fn checksum(&self) -> &Checksum {
        &self.checksum
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher")
            .field("cache", &self.cache)
            .field("keys", &self.keys.len())
            .field("download_limit", &self.download_limit)
            .finish_non_exhaustive()
    }
}
