#include "config.h"

#include "livy.h"
