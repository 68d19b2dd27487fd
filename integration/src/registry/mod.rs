//! A **registry** for tests: it speaks the distribution protocol like one of many real registries
//! (its [`Profile`]), fails by its [`FaultRule`]s, and logs its requests.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub use self::auth::IDENTITY_TOKEN;
use self::auth::TokenKeys;
use self::fault::Faults;
pub use self::fault::{Fault, FaultRule, FaultTimes};
pub use self::log::LoggedRequest;
pub use self::profile::Profile;
pub use self::route::{RegistryPort, RequestKind};
pub use self::store::StoredManifest;
use self::store::{RegistryStore, StoredBlob};
use crate::image::Layout;

mod answer;
mod auth;
mod body;
pub mod cases;
mod content;
mod fault;
mod log;
mod personalities;
pub mod profile;
mod referrers;
mod route;
mod serve;
mod session;
pub mod stock;
mod store;
pub mod test_images;
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
    store: Mutex<RegistryStore>,
    keys: Mutex<TokenKeys>,
    faults: Faults,
    log: Mutex<Vec<LoggedRequest>>,
    /// Number of received bytes of blobs.
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
            keys: Mutex::new(TokenKeys::new(profile.password)),
            faults: Faults::default(),
            log: Mutex::default(),
            received: AtomicU64::default(),
            stopped: Arc::default(),
            profile,
        });
        for rule in shared.profile.faults {
            shared.faults.add(rule.clone());
        }
        for (door, listener) in [(RegistryPort::Front, front), (RegistryPort::Side, side)] {
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

    /// Returns the profile of the registry.
    pub fn profile(&self) -> &Profile {
        &self.shared.profile
    }

    /// Adds a fault.
    pub fn inject(&self, kind: RequestKind, fault: Fault, times: FaultTimes) {
        self.shared.faults.add(FaultRule { kind, fault, times });
    }

    /// Returns how often a fault occurred.
    pub fn fault_count(&self) -> u32 {
        self.shared.faults.count()
    }

    /// Creates a repository, for registries where a push does not.
    pub fn create_repository(&self, name: &str) {
        self.shared.store.lock().unwrap().repository(name);
    }

    /// Returns all tokens that were issued.
    pub fn tokens(&self) -> Vec<String> {
        self.shared.keys.lock().unwrap().given.clone()
    }

    /// Returns the requests since the last call.
    pub fn take_requests(&self) -> Vec<LoggedRequest> {
        std::mem::take(&mut *self.shared.log.lock().unwrap())
    }

    /// Returns the number of received bytes of blobs, including those of uploads that failed.
    pub fn received_bytes(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes received for a blob: of its completed upload session, and of
    /// every `PUT` with its digest.
    pub fn received_bytes_of(&self, digest: &str) -> u64 {
        self.shared.store.lock().unwrap().received.get(digest).copied().unwrap_or(0)
    }

    /// Returns a blob's length, and its bytes if they were kept.
    pub fn blob(&self, digest: &str) -> Option<(u64, Option<Arc<[u8]>>)> {
        let store = self.shared.store.lock().unwrap();
        store.blobs.get(digest).map(|blob| (blob.len, blob.bytes.clone()))
    }

    /// Returns the manifest or index with a tag or digest.
    pub fn manifest(&self, name: &str, reference: &str) -> Option<StoredManifest> {
        self.shared.store.lock().unwrap().manifest(name, reference).cloned()
    }

    /// Returns how many upload sessions are open.
    pub fn open_sessions(&self) -> usize {
        self.shared.store.lock().unwrap().sessions.len()
    }

    /// Checks that an image and everything it refers to exists with the right content.
    pub fn verify_image(&self, name: &str, reference: &str) -> Result<(), String> {
        self.shared.store.lock().unwrap().verify(name, reference)
    }

    /// Stores a manifest without a request, unchecked.
    pub fn put_manifest(&self, name: &str, tag: &str, bytes: &[u8]) {
        self.put_document(name, tag, StoredManifest::new(MANIFEST, bytes.to_vec()));
    }

    /// Stores a manifest or an index without a request, under its declared digest and media type.
    pub fn put_document(&self, name: &str, tag: &str, document: StoredManifest) {
        let mut store = self.shared.store.lock().unwrap();
        let repository = store.repository(name);
        repository.tags.insert(tag.to_owned(), document.digest.clone());
        repository.manifests.insert(document.digest.clone(), document);
    }

    /// Removes a tag without a request; what it names stays.
    pub fn remove_tag(&self, name: &str, tag: &str) {
        self.shared.store.lock().unwrap().repository(name).tags.remove(tag);
    }

    /// Stores a manifest or an index without a request and without a tag.
    pub fn put_untagged(&self, name: &str, document: StoredManifest) {
        let mut store = self.shared.store.lock().unwrap();
        store.repository(name).manifests.insert(document.digest.clone(), document);
    }

    /// Stores a blob without a request, under any digest.
    pub fn put_blob(&self, name: &str, digest: &str, bytes: &[u8]) {
        let blob = StoredBlob { len: bytes.len() as u64, bytes: Some(bytes.into()) };
        self.shared.store.lock().unwrap().put_blob(name, digest, blob);
    }

    /// Answers requests for parts of a blob, and only them, from other bytes.
    pub fn put_parts(&self, digest: &str, bytes: &[u8]) {
        self.shared.store.lock().unwrap().parts.insert(digest.to_owned(), bytes.into());
    }

    /// Stores an image of a layout without a request, and returns its digest.
    pub fn put_image(&self, name: &str, tag: &str, layout: &Path, from: &str) -> String {
        let layout = Layout::open(layout);
        let mut store = self.shared.store.lock().unwrap();
        for descriptor in layout.reachable_blobs(from) {
            let bytes = layout.blob(&descriptor);
            let digest = descriptor.digest().to_string();
            if matches!(descriptor.media_type().as_ref(), INDEX | MANIFEST) {
                let manifest = StoredManifest::new(descriptor.media_type().as_ref(), bytes);
                store.repository(name).manifests.insert(digest, manifest);
            } else {
                let blob = StoredBlob { len: bytes.len() as u64, bytes: Some(bytes.into()) };
                store.put_blob(name, &digest, blob);
            }
        }
        let digest = layout.find_tag(from).digest().to_string();
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
        // A last connection ends the threads that wait for one.
        for address in [self.shared.front, self.shared.side] {
            drop(std::net::TcpStream::connect(address));
        }
    }
}

impl Shared {
    fn listen(self: &Arc<Self>, door: RegistryPort, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
            let shared = Arc::clone(self);
            // A client that disconnects is not an error of the server.
            thread::spawn(move || drop(serve::serve(&shared, door, stream.unwrap())));
        }
    }

    fn address(&self, door: RegistryPort) -> SocketAddr {
        match door {
            RegistryPort::Front => self.front,
            RegistryPort::Side => self.side,
        }
    }
}
