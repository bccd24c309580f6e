//! mizan.yml: the file a person writes, checked into the model the proxy runs. And deploy.yml, for mizanctl: [`deploy`].
//!
//! [`load`] reads a file, [`parse`] a text; both answer with a whole [`model::Config`] or with every problem the file
//! has. [`examine_file`] and [`examine`] also tell what is
//! legal but probably not meant, and keep the [`Source`]: who reads the files that mizan.yml names has their [`Fault`]s
//! told like any other problem. [`render`] writes a configuration as a file again. [`schema`] describes the file to
//! editors.

mod check;
mod decode;
pub mod deploy;
mod dialect;
mod expand;
mod keys;
mod load;
pub mod model;
mod problems;
mod render;
mod schema;
pub mod secret;
mod suggest;
mod tree;
mod units;

pub use decode::REGEX_SIZE_LIMIT;
pub use load::{Examined, MAX_FILE_SIZE, examine, examine_file, load, parse};
pub use model::Config;
pub use problems::{Fault, Problem, Problems, Source, Style};
pub use render::render;
pub use schema::schema;
