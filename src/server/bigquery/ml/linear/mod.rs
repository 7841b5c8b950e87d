//! `linear_reg`: features standardised and one-hot encoded, weights by the normal equations or by gradient descent.
//!
//! Defined here, since the service does not say it: `L2_REG` and `L1_REG` are added, for standardised weights, to the *mean* squared error; a NULL
//! number becomes the mean of the training rows; the hash behind a random split is our own, so which rows it takes differs from Google's.

mod descent;
mod design;
mod encoder;
mod info;
mod metrics;
mod model;
mod normal;
mod options;
mod split;
#[cfg(test)]
mod tests;

pub(crate) use model::LinearModel;
pub(crate) use options::LinearOptions;
