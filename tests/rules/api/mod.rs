//! Every name of the public API, with its signature: a program written against them must compile.
//! Nearly all of it is checked by the compiler; nothing here says what the functions do.

mod calls;
mod edges;
mod examples;
mod health;
mod hosts;
mod paths;
mod program;
mod sight;
mod values;
mod waterfall;
mod work;

use std::borrow::Cow;
use std::error::Error;

type Res<T = ()> = homebound::Result<T>;
type Name = Cow<'static, str>;

fn is<T>(_: T) {}
fn shared<T: Send + Sync>() {}
fn owned<T: Clone + Send + Sync + 'static>() {}
fn error<T: Error + Send + Sync + 'static>() {}
fn iterator<T, I: Iterator<Item = T>>() {}

/// A type that is neither Send, Sync nor Debug.
struct Opaque(#[allow(dead_code)] *const ());
