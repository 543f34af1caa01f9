//! What every request goes through: paths, parameters, the response cache, and the contract as a document.

pub(crate) mod body;
pub(crate) mod cached;
pub(crate) mod dashboard;
pub(crate) mod openapi;
pub(crate) mod query;
pub(crate) mod reference;
pub mod routes;
