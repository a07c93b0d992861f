/* Time zones by name, from the machine's database. */
#pragma once

#include "data/data.h"

extern const struct zone_source engine_zones;
