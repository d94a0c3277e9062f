/* A lower bound for the time of any check: reads each int in the lists of a device map once. */

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

/* Returns the sum of the first digits of all ints, or -1 if the map is not a dict of lists of exact ints. The number of
   blocks is not used; the signature is that of the checks. */
long long sum_of_blocks(PyObject *device_map, Py_ssize_t num_blocks)
{
    (void)num_blocks;
    if (!PyDict_CheckExact(device_map))
        return -1;
    PyObject *device, *blocks;
    Py_ssize_t position = 0;
    long long sum = 0;
    while (PyDict_Next(device_map, &position, &device, &blocks)) {
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
