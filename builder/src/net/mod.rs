//! The *network* as the library sees it: requests and responses, the proxies between this machine and
//! a server, and texts that must not be shown. What is retried, and which server gets which
//! credential, is decided by the wings above.
//!
//! - [`http`]: a blocking HTTP/1.1 client for bodies of many gigabytes
//! - [`proxy`]: which proxy leads to a server
//! - [`credential`]: what a client presents to a registry
//! - [`secret`]: a text that cannot be printed

pub mod credential;
pub mod http;
pub mod proxy;
pub mod secret;
