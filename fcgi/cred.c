#include "config.h"

#include "cred.h"
