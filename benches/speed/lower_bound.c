/* The floor of any check: read every int of a device map's lists once, and do nothing else with it. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if PY_VERSION_HEX >= 0x030C0000
#define FIRST_DIGIT(item) (((PyLongObject *)(item))->long_value.ob_digit[0])
#else
#if PY_VERSION_HEX < 0x030B0000
#include <longintrepr.h>
#endif
#define FIRST_DIGIT(item) (((PyLongObject *)(item))->ob_digit[0])
#endif

/* The sum of the first digits; -1 for what is not a dict of lists of exact ints. The number of blocks is not needed:
   it makes the signature that of the checks. */
long long touch(PyObject *device_map, Py_ssize_t num_blocks)
{
    (void)num_blocks;
    if (!PyDict_CheckExact(device_map))
        return -1;
    PyObject *device, *blocks;
    Py_ssize_t at = 0;
    long long sum = 0;
    while (PyDict_Next(device_map, &at, &device, &blocks)) {
        if (!PyList_CheckExact(blocks))
            return -1;
        Py_ssize_t length = PyList_GET_SIZE(blocks);
        for (Py_ssize_t i = 0; i < length; i++) {
            PyObject *item = PyList_GET_ITEM(blocks, i);
            if (!PyLong_CheckExact(item))
                return -1;
            sum += FIRST_DIGIT(item);
        }
    }
    return sum;
}
