/* The ground floor: what three rooms or more need. One header a noun; this one includes them all. */
#pragma once

#include "base/hash.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/option.h"
#include "base/status.h"
#include "base/str.h"
