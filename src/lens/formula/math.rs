//! Arithmetic over columns: its terms and the functions it knows.

/// Arithmetic over columns, evaluated for each row.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    Number(f64),
    /// The value of the column with this id.
    Column(String),
    Call {
        function: MathFunction,
        arguments: Vec<Expression>,
    },
}

/// Named as in a formula's text, but for the operators, which are the first four and the comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MathFunction {
    Add,
    Subtract,
    Multiply,
    Divide,
    Abs,
    Cbrt,
    Ceil,
    Clamp,
    Cube,
    Exp,
    /// Towards zero.
    Fix,
    Floor,
    /// Natural, or to the base of the second argument.
    Log,
    Mod,
    Pow,
    /// To as many decimals as the second argument says, else to a whole number.
    Round,
    Sqrt,
    Square,
    PickMax,
    PickMin,
    /// The second argument where the first is null.
    Defaults,
    Lt,
    Gt,
    Lte,
    Gte,
    Eq,
    IfElse,
}

/// One positional argument of a math function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) is_boolean: bool,
    pub(super) is_optional: bool,
}

const fn number(name: &'static str) -> Parameter {
    Parameter { name, is_boolean: false, is_optional: false }
}

const fn optional(name: &'static str) -> Parameter {
    Parameter { name, is_boolean: false, is_optional: true }
}

const VALUE: &[Parameter] = &[number("value")];
const TWO: &[Parameter] = &[number("left"), number("right")];
const BASE: &[Parameter] = &[number("value"), number("base")];
const OPTIONAL_BASE: &[Parameter] = &[number("value"), optional("base")];
const DECIMALS: &[Parameter] = &[number("value"), optional("decimals")];
const LIMITS: &[Parameter] = &[number("value"), number("min"), number("max")];
const DEFAULT: &[Parameter] = &[number("value"), number("default")];
const CONDITION: Parameter = Parameter { name: "condition", is_boolean: true, is_optional: false };
const CHOICE: &[Parameter] = &[CONDITION, number("left"), number("right")];

impl MathFunction {
    /// Optional ones stand last.
    pub(super) fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::PickMax | Self::PickMin => TWO,
            Self::Lt | Self::Gt | Self::Lte | Self::Gte | Self::Eq => TWO,
            Self::Abs | Self::Cbrt | Self::Ceil | Self::Cube | Self::Exp | Self::Fix | Self::Floor => VALUE,
            Self::Sqrt | Self::Square => VALUE,
            Self::Mod | Self::Pow => BASE,
            Self::Log => OPTIONAL_BASE,
            Self::Round => DECIMALS,
            Self::Clamp => LIMITS,
            Self::Defaults => DEFAULT,
            Self::IfElse => CHOICE,
        }
    }

    /// Whether it compares; all others give numbers.
    pub(super) fn is_comparison(self) -> bool {
        matches!(self, Self::Lt | Self::Gt | Self::Lte | Self::Gte | Self::Eq)
    }
}

impl Expression {
    pub(super) fn is_boolean(&self) -> bool {
        matches!(self, Self::Call { function, .. } if function.is_comparison())
    }
}
