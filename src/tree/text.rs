//! Owns the type of names and purposes, the trait by which a spawn takes one, and the compiler's
//! message for anything else.
//! Refuses to look at the text: a spawn refuses a name that is not allowed.

use std::borrow::Cow;

/// A name or purpose; a `&'static str` is not copied.
pub(crate) type Text = Cow<'static, str>;

/// A text that is given once and kept: a name, a purpose, a reason. Every type that is
/// `Into<Cow<'static, str>>` implements it, such as a literal or a `String`.
///
/// The trait exists for the sake of one message: for a purpose that was forgotten.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no name and no purpose",
    label = "a text is expected here: a name, or what it is for",
    note = "a thread takes a name, a purpose, and then its closure: `spawn(\"scanner\", \"finds pictures\", |cx| ..)`",
    note = "a text is a `&'static str`, a `String`, or anything else that is `Into<Cow<'static, str>>`"
)]
pub trait IntoText: Into<Cow<'static, str>> {}

// Makes the compiler name the trait above, and not the conversions that there are into a `Cow`.
#[diagnostic::do_not_recommend]
impl<T: Into<Cow<'static, str>>> IntoText for T {}

/// Writes a name as one step of a path: `/` and `%` become `%2F` and `%25`.
pub(crate) fn escape(name: &str) -> Cow<'_, str> {
    // Byte by byte, which is faster: no byte of a longer character is one of the two.
    if name.bytes().any(|byte| matches!(byte, b'/' | b'%')) {
        Cow::Owned(name.replace('%', "%25").replace('/', "%2F"))
    } else {
        Cow::Borrowed(name)
    }
}
