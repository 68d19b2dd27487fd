//! The *network* as the library sees it: requests and answers, the proxies between this machine and a
//! server, and texts that must not be shown. What is retried, and who may see which credential, is
//! decided by the wings above.
//!
//! - [`http`]: a blocking HTTP/1.1 client for bodies of many gigabytes
//! - [`proxy`]: which proxy leads to a server
//! - [`credential`]: what proves to a registry who asks
//! - [`secret`]: a text that cannot be printed

pub mod credential;
pub mod http;
pub mod proxy;
pub mod secret;
