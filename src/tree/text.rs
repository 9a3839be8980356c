//! Owns what may be a name or a purpose, and what the compiler says of anything else.
//! Refuses to look at the text: what a name may not hold, its spawn refuses.

use std::borrow::Cow;

/// A text that is given once and kept: a name, a purpose, a reason. All that is `Into<Cow<'static, str>>` is one: a literal, a
/// `String`.
///
/// It is a trait of its own for the sake of one message: a purpose that was forgotten.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no name and no purpose",
    label = "a text is expected here: a name, or what it is for",
    note = "a thread takes a name, a purpose, and then its closure: `spawn(\"scanner\", \"finds pictures\", |cx| ..)`",
    note = "a text is a `&'static str`, a `String`, or anything else that is `Into<Cow<'static, str>>`"
)]
pub trait IntoText: Into<Cow<'static, str>> {}

// Of what is missing, the compiler is to name the trait above, and not the conversions that there are into a `Cow`.
#[diagnostic::do_not_recommend]
impl<T: Into<Cow<'static, str>>> IntoText for T {}

/// A name as one step of a path.
pub(crate) fn escape(name: &str) -> Cow<'_, str> {
    if name.contains(['/', '%']) {
        Cow::Owned(name.replace('%', "%25").replace('/', "%2F"))
    } else {
        Cow::Borrowed(name)
    }
}
