#include "config.h"

#include "master.h"
