//! A **registry** for tests: it speaks the distribution protocol as one of many real registries does
//! (its [`Profile`]), fails where it is told to ([`Rule`]), and remembers what it was asked.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub use self::auth::IDENTITY_TOKEN;
use self::auth::Keys;
use self::fault::Faults;
pub use self::fault::{Fault, Rule, Times};
pub use self::log::Asked;
pub use self::profile::Profile;
pub use self::route::{Door, Kind};
pub use self::store::Manifest;
use self::store::{Blob, Store};
use crate::image::Layout;

mod answer;
mod auth;
mod body;
pub mod cases;
mod content;
mod fault;
pub mod goods;
mod log;
mod personalities;
pub mod profile;
mod route;
mod serve;
mod session;
pub mod stock;
mod store;
pub mod trap;
mod uploads;
mod wire;

/// A registry on this machine; it ends with the test.
#[derive(Debug)]
pub struct Registry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    profile: Profile,
    front: SocketAddr,
    side: SocketAddr,
    store: Mutex<Store>,
    keys: Mutex<Keys>,
    faults: Faults,
    log: Mutex<Vec<Asked>>,
    /// Bytes of all blobs' bodies.
    received: AtomicU64,
    stopped: Arc<AtomicBool>,
}

impl Registry {
    /// Starts a registry.
    pub fn start(profile: Profile) -> Self {
        let [front, side] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let shared = Arc::new(Shared {
            front: front.local_addr().unwrap(),
            side: side.local_addr().unwrap(),
            store: Mutex::default(),
            keys: Mutex::new(Keys::new(profile.password)),
            faults: Faults::default(),
            log: Mutex::default(),
            received: AtomicU64::default(),
            stopped: Arc::default(),
            profile,
        });
        for rule in shared.profile.faults {
            shared.faults.add(rule.clone());
        }
        for (door, listener) in [(Door::Front, front), (Door::Side, side)] {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.listen(door, &listener));
        }
        Self { shared }
    }

    /// Returns `HOST:PORT`.
    pub fn address(&self) -> String {
        self.shared.front.to_string()
    }

    /// Returns `HOST:PORT/NAME`.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.shared.front)
    }

    /// Returns what it is.
    pub fn profile(&self) -> &Profile {
        &self.shared.profile
    }

    /// Makes something go wrong from now on.
    pub fn inject(&self, kind: Kind, fault: Fault, times: Times) {
        self.shared.faults.add(Rule { kind, fault, times });
    }

    /// Returns how often anything went wrong.
    pub fn fired(&self) -> u32 {
        self.shared.faults.fired()
    }

    /// Makes a repository, for registries where a push does not.
    pub fn make(&self, name: &str) {
        self.shared.store.lock().unwrap().repository(name);
    }

    /// Returns all tokens that were given.
    pub fn tokens(&self) -> Vec<String> {
        self.shared.keys.lock().unwrap().given.clone()
    }

    /// Returns what was asked since this was last asked.
    pub fn requests(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.shared.log.lock().unwrap())
    }

    /// Returns how many bytes of blobs were received, those that were in vain included.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }

    /// Returns how many bytes were received for a blob: all that came in the end in a session that
    /// ended, and all of a `PUT` that named it.
    pub fn received_of(&self, digest: &str) -> u64 {
        self.shared.store.lock().unwrap().received.get(digest).copied().unwrap_or(0)
    }

    /// Returns a blob's length, and its bytes if they were kept.
    pub fn blob(&self, digest: &str) -> Option<(u64, Option<Arc<[u8]>>)> {
        let store = self.shared.store.lock().unwrap();
        store.blobs.get(digest).map(|blob| (blob.len, blob.bytes.clone()))
    }

    /// Returns what a tag or a digest names.
    pub fn image(&self, name: &str, reference: &str) -> Option<Manifest> {
        self.shared.store.lock().unwrap().manifest(name, reference).cloned()
    }

    /// Returns how many upload sessions are open.
    pub fn sessions(&self) -> usize {
        self.shared.store.lock().unwrap().sessions.len()
    }

    /// Checks that all is there that a tag or a digest names, with the right content; says what is
    /// not.
    pub fn verify(&self, name: &str, reference: &str) -> Result<(), String> {
        self.shared.store.lock().unwrap().verify(name, reference)
    }

    /// Puts a manifest here, unchecked, without any request.
    pub fn put_manifest(&self, name: &str, tag: &str, bytes: &[u8]) {
        self.put_document(name, tag, Manifest::new(MANIFEST, bytes.to_vec()));
    }

    /// Puts a manifest or an index here, without any request, under the digest and the media type
    /// that it claims to have.
    pub fn put_document(&self, name: &str, tag: &str, document: Manifest) {
        let mut store = self.shared.store.lock().unwrap();
        let repository = store.repository(name);
        repository.tags.insert(tag.to_owned(), document.digest.clone());
        repository.manifests.insert(document.digest.clone(), document);
    }

    /// Puts a blob here, without any request, under any digest.
    pub fn put_blob(&self, name: &str, digest: &str, bytes: &[u8]) {
        let blob = Blob { len: bytes.len() as u64, bytes: Some(bytes.into()) };
        self.shared.store.lock().unwrap().put_blob(name, digest, blob);
    }

    /// Puts an image of a layout here, without any request, and returns its digest.
    pub fn put_image(&self, name: &str, tag: &str, layout: &Path, from: &str) -> String {
        let layout = Layout::open(layout);
        let mut store = self.shared.store.lock().unwrap();
        for descriptor in layout.reachable(from) {
            let bytes = layout.blob(&descriptor);
            let digest = descriptor.digest().to_string();
            if matches!(descriptor.media_type().as_ref(), INDEX | MANIFEST) {
                let manifest = Manifest::new(descriptor.media_type().as_ref(), bytes);
                store.repository(name).manifests.insert(digest, manifest);
            } else {
                let blob = Blob { len: bytes.len() as u64, bytes: Some(bytes.into()) };
                store.put_blob(name, &digest, blob);
            }
        }
        let digest = layout.tagged(from).digest().to_string();
        store.repository(name).tags.insert(tag.to_owned(), digest.clone());
        digest
    }
}

/// Media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

impl Drop for Registry {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Whoever waits for a connection gets a last one.
        for address in [self.shared.front, self.shared.side] {
            drop(std::net::TcpStream::connect(address));
        }
    }
}

impl Shared {
    fn listen(self: &Arc<Self>, door: Door, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
            let shared = Arc::clone(self);
            // A client that goes away is no concern of the server's.
            thread::spawn(move || drop(serve::serve(&shared, door, stream.unwrap())));
        }
    }

    fn address(&self, door: Door) -> SocketAddr {
        match door {
            Door::Front => self.front,
            Door::Side => self.side,
        }
    }
}
