//! Parameters that are names of a closed set.

use std::str::FromStr;

use common::{Endpoint, Kind, Mode, OnboardingStage, Status};
use utoipa::openapi::ObjectBuilder;

use super::value::{Bad, form, string};

/// A closed set of names.
pub(crate) trait Named: Copy + PartialEq + Send + Sync + 'static {
    /// Every value, the usual first.
    const ALL: &'static [Self];

    /// Its name in the contract.
    fn name(self) -> &'static str;

    /// The value of that name, in any letter case.
    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.name().eq_ignore_ascii_case(name))
    }

    /// The names, one after the other.
    fn names(between: &str) -> String {
        Self::ALL.iter().map(|value| value.name()).collect::<Vec<_>>().join(between)
    }
}

/// Names that an enum of the domain already has.
macro_rules! named {
    ($($type:ty = $all:expr),+) => {
        $(impl Named for $type {
            const ALL: &'static [Self] = $all;

            fn name(self) -> &'static str {
                self.as_str()
            }
        })+
    };
}

named!(Kind = Self::ALL, Status = Self::ALL, OnboardingStage = Self::ALL, Mode = &Self::ALL, Endpoint = &Self::ALL);

/// An enum of names that only parameters have, one of which is asked for.
macro_rules! names {
    ($(#[$meta:meta])* $type:ident { $($(#[$vmeta:meta])* $variant:ident = $name:expr),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $type { $($(#[$vmeta])* $variant),+ }

        impl $crate::http::query::choice::Named for $type {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::http::query::value::Bad;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::http::query::choice::one(text)
            }
        }

        $crate::http::query::value::form!($type, $crate::http::query::choice::schema_of_one::<$type>());
    };
}
pub(crate) use names;

/// The value of that name.
pub(crate) fn one<T: Named>(text: &str) -> Result<T, Bad> {
    T::of_name(text).ok_or_else(|| Bad(format!("must be one of {}", T::names(", "))))
}

/// One of the names.
pub(crate) fn schema_of_one<T: Named>() -> ObjectBuilder {
    string().enum_values(Some(T::ALL.iter().map(|value| value.name())))
}

/// One of the names of a type of the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct One<T>(pub T);

impl<T: Named> FromStr for One<T> {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        one(text).map(Self)
    }
}

form!(impl[T: Named] One<T>, schema_of_one::<T>());

// The document's derive wants names without generics.
pub(crate) type OneMode = One<Mode>;
pub(crate) type OneStage = One<OnboardingStage>;
pub(crate) type OneEndpoint = One<Endpoint>;

/// Some of them, separated by commas.
#[derive(Debug, Clone)]
pub(crate) struct Many<T>(pub Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Named> FromStr for Many<T> {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        let mut all = Vec::new();
        for part in text.split(',') {
            let value =
                T::of_name(part.trim()).ok_or_else(|| Bad(format!("must be some of {}, separated by commas", T::names(", "))))?;
            // Told twice it is meant once: the list stays as short as the set.
            if !all.contains(&value) {
                all.push(value);
            }
        }
        Ok(Self(all))
    }
}

form!(impl[T: Named] Many<T>, {
    let one = T::names("|");
    string().pattern(Some(format!("^({one})(,({one}))*$")))
});

impl<T: Named> Many<T> {
    /// The names that are asked for.
    pub fn names(self) -> Vec<&'static str> {
        self.0.into_iter().map(Named::name).collect()
    }
}

pub(crate) type Statuses = Many<Status>;
pub(crate) type Kinds = Many<Kind>;
