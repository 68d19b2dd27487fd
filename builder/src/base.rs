//! stub
#![allow(missing_docs, missing_debug_implementations)]
use crate::diagnostic::Diagnostic;
use crate::image::config::Config;
use crate::image::place::Place;
use crate::image::platform::Platform;
use crate::recipe::Base;
use crate::tree::Tree;
#[derive(Debug)]
pub struct Loaded {
    pub recipe: Base,
    pub config: Config,
    pub tree: Tree,
}
pub struct Bases<'a>(&'a dyn crate::images::Places);
impl<'a> Bases<'a> {
    pub fn new(p: &'a dyn crate::images::Places) -> Self {
        Self(p)
    }
}
pub struct BaseError;
impl BaseError {
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::new("x")
    }
}
impl Bases<'_> {
    pub fn load(&self, _: &Place, _: &Platform) -> Result<Loaded, BaseError> {
        Err(BaseError)
    }
}
