/* Types, columns, batches, decimals, time, keys: what a row is. One header a noun. */
#pragma once

#include "data/batch.h"
#include "data/decimal.h"
#include "data/row.h"
#include "data/time.h"
#include "data/type.h"
