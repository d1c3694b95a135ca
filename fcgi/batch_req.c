#include "config.h"

#include "batch_req.h"
